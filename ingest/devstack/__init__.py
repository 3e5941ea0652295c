"""All of it on one machine: the servers that come with the project, and how they stop."""
