"""Data: pictures and arrays from outside."""
