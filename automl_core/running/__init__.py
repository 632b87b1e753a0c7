"""Running one slot: its folders, its watch over metrics and orders, on this machine or on simulated time."""
