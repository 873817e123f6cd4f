"""The REST API as others see it: every address of the contract, tokens, the OpenAPI document."""
