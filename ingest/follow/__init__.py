"""Follow publications: read feeds politely, and post each new article once through the API."""
