#!/bin/sh
# pyctcdecode declares numpy<2 and works with numpy 2 (pyproject.toml says more). pip takes no
# --no-deps in an environment file, so this package comes last and alone.
python -m pip install --no-deps pyctcdecode==0.5.0
