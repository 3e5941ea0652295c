"""Counts in Cloud Firestore."""
