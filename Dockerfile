# The smoke run, the code and the data in one image: no internet is needed to run it.
#   docker build --tag cgt .
#   docker run --name smoke --network none cgt
#   docker cp smoke:/home/cgt/cgt/results/smoke .
FROM debian:bookworm-slim
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates git make python3 python3-venv \
  && rm -rf /var/lib/apt/lists/* \
  && useradd --create-home --uid 1000 cgt
USER cgt
WORKDIR /home/cgt/cgt
# Where torch comes from, as in the Makefile: this is the small build for CPUs.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
# The packages first: a change of the code installs none of them again.
COPY --chown=cgt requirements.lock pyproject.toml Makefile README.md LICENSE ./
RUN make .venv/.ready TORCH_INDEX="$TORCH_INDEX" PIP_NO_CACHE_DIR=1
COPY --chown=cgt . .
# The raw data, which is checked as it is fetched, and nothing else. Without internet, mount a folder
# with the files (data/README.md) and name it here.
ARG CGT_DATA_MIRROR
RUN PATH="$PWD/.venv/bin:$PATH" snakemake --cores 1 --configfile config/smoke.yaml --until prepare \
  && rm -rf .snakemake data/prepared results/smoke
CMD ["make", "smoke"]
