"""The live picture of a run: kept in the fleet, shown in a tab of Locust's web UI. For the eye, never for figures."""
