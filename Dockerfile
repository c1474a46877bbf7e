# The workflow and all that it runs, for machines without conda: docs/containers.md.
#
#   docker build --tag aubert .
FROM python:3.13-slim

# ffmpeg reads audio that libsndfile does not, such as .m4b.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ffmpeg \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/aubert
COPY pyproject.toml requirements.txt ./
# espeak-ng, which is GPL, speaks the miniature corpus and pronounces unknown words. Without it:
# --build-arg ESPEAK=
ARG ESPEAK=yes
# Everything has wheels or is Python alone: no compiler. Installed by uv, which knows the overrides
# of pyproject.toml; compiled to bytecode, which a user cannot write here.
RUN pip install --no-cache-dir "uv==$(sed -n 's/^uv==//p' requirements.txt)" \
    && uv pip install --system --no-cache --compile-bytecode --constraint requirements.txt \
        --requirement pyproject.toml ${ESPEAK:+--extra espeak}
COPY . .
RUN uv pip install --system --no-cache --no-deps --editable . \
    && python -m compileall -q src \
    && useradd --create-home --uid 1000 aubert \
    && install --directory --owner aubert /work

# USER is what getpass asks for where the user's number has no name. No module of a user's home
# takes the place of one in here.
ENV USER=aubert \
    PYTHONNOUSERSITE=1
USER 1000
WORKDIR /work
ENTRYPOINT ["snakemake", "--snakefile", "/opt/aubert/Snakefile"]
