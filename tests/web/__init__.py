"""Tests of the pages, in a real browser and without one."""
