"""Pure decisions: which route, which member, whether to try again. No IO, no clock of their own."""
