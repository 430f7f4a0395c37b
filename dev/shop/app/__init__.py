"""checkout: prices baskets for the shop's web pages, over HTTP."""
