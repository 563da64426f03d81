# syntax=docker/dockerfile:1
# The service in one image: `docker build -t distributor .`
#
# Built in two stages, so that no compiler, build tool or pip cache is in what runs. Runs as a user without
# rights, on a read-only root file system; everything that it writes is below /var/lib/distributor and /tmp.
ARG PYTHON=3.13-slim-bookworm

FROM python:${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
WORKDIR /src
COPY requirements/build.txt requirements/run.txt requirements/
# Requirements first: this layer is made again only when a pin changes.
RUN python -m venv /tools \
 && /tools/bin/pip install --no-cache-dir --require-hashes -r requirements/build.txt \
 && /tools/bin/pip wheel --no-cache-dir --no-build-isolation --require-hashes \
        --wheel-dir /wheels -r requirements/run.txt
COPY LICENSE pyproject.toml ./
COPY distributor distributor
RUN /tools/bin/pip wheel --no-build-isolation --no-deps --wheel-dir /wheels . \
 && python -m venv --without-pip /opt/distributor \
 && /tools/bin/pip --python /opt/distributor/bin/python install --no-cache-dir --no-index --no-deps /wheels/*.whl

FROM python:${PYTHON}
# PYTHONSAFEPATH: a file in the working directory can never stand in for a module.
ENV PATH=/opt/distributor/bin:$PATH \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DISTRIBUTOR__STORAGE__URL=sqlite:////var/lib/distributor/distributor.sqlite \
    DISTRIBUTOR__STORAGE__MEDIA=/var/lib/distributor/media \
    DISTRIBUTOR__AUDIT__KEY_FILE=/var/lib/distributor/audit.key \
    DISTRIBUTOR__WEB__LISTEN=0.0.0.0:8080
RUN groupadd --system --gid 10001 distributor \
 && useradd --system --uid 10001 --gid 10001 --home-dir /var/lib/distributor --shell /usr/sbin/nologin distributor \
 && install --directory --owner=distributor --group=distributor --mode=0750 /var/lib/distributor
COPY --from=build /opt/distributor /opt/distributor
# The settings are looked for in config/ below the working directory; mount your own over them.
WORKDIR /etc/distributor
COPY config/*.toml config/
USER 10001:10001
VOLUME /var/lib/distributor
EXPOSE 8080
# Ready means: the worker's heart beats and nothing due is overdue. An open port alone would say nothing.
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/readyz', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["distributor"]
CMD ["serve"]
