"""The pages of the reference: one module a page, each with a function `page() -> str`."""
