"""Shell text: quoting, and the functions in lib/ that scripts on the server call."""
