"""Releases as a user sees them, on a real cluster with Gander installed from its chart."""
