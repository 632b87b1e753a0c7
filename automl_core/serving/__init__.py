"""The server: follows the journals of models, answers by the versions in use, and writes down what it answered."""
