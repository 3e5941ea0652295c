"""
Sign-in: the one login page, an OpenID Connect provider, and second factors.

provider.py makes groups roles. second_factor.py decides who must have a factor, and asks for it.
"""
