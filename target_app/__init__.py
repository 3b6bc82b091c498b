"""The sample Django shop that rig measures."""
