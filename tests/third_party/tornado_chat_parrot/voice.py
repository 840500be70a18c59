"""A second module of the package, which the plugin imports."""


def louder(text: str, mark: str) -> str:
    return f"{text.upper()}{mark}"
