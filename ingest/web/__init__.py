"""
The pages that show counts to people. Django's templates render them; JavaScript is optional.

views.py has a view for each page, and charts.py draws. decorators.py decides who may see a page.
context_processors.py gives every template the state of the intake.
"""
