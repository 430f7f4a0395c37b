"""`kubectl gander`: what people tell a release to do, and where a plan stands."""
