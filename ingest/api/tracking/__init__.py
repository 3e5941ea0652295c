"""What became of posts: their status, lists, a key's own posts, and answers to repeat."""
