"""A campaign against losing results: each module is one kind of trouble."""
