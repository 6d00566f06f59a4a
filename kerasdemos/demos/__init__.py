"""One demo a file; each file defines DEMO. The catalogue finds them by their file names."""
