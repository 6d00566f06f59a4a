"""Networks that others trained on photographs: from the files of installed packages to Keras models with their cards."""
