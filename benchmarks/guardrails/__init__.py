"""How well faults and structure of tables are found: `structure` on real sets, `planted` on drawn faults, `large`."""
