"""Bulk: the maps of a whole data set, in shards that can be interrupted, resumed and shared out among machines."""
