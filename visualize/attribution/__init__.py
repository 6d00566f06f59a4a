"""The methods: one family a file; each public function becomes a command."""
