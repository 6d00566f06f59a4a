"""Attribution: why a model says what it says; one family of methods a file."""
