"""How much of the bare network's speed is left when the whole product works around it."""
