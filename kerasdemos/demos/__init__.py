"""One demo a file; each file defines DEMO. The registry finds them by their file names."""
