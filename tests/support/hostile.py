"""Configurations of models that would run code."""

import os


def lambda_layer():
    import keras

    return keras.saving.serialize_keras_object(keras.layers.Lambda(lambda x: os.system("touch /tmp/mime_was_here")))


def put(*keys, value):
    """Returns a function that puts a value somewhere into a configuration."""

    def config(content):
        inner = content
        for key in keys[:-1]:
            inner = inner[key]
        inner[keys[-1]] = value() if callable(value) else value

    return config
