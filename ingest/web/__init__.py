"""
The pages: counts for people to look at, made by Django's templates, whole without JavaScript.

views.py says what each page shows, charts.py draws, access.py decides who may look and what a
page may load; templates and static files are beside them.
"""
