"""Tests of the whole stack: every process real, started as a user starts it."""
