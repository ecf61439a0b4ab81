"""REST v10: routes by resource, real error codes, rate limits."""
