"""Labels: which items people should look at, which two models may label, how right labels are."""
