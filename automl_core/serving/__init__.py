"""The server: follows the journals of models, answers requests by the versions that are in use, and writes them down."""
