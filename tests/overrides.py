"""Changing a config in a test."""


def override(config, values):
    """Sets config["seed"] for the name "seed" and config["data"]["fps"] for "data__fps"; returns the config."""
    for name, value in values.items():
        group, _, key = name.partition("__")
        if key:
            config[group][key] = value
        else:
            config[group] = value
    return config
