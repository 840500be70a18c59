"""The bundled plugins, one per file, found and configured exactly as third-party ones are."""
