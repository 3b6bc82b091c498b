# The sample shop and Locust: the repository with its Python environment, installed as `make setup` does it.
FROM python:3.13.9-slim-bookworm

RUN useradd --uid 10001 --create-home rig \
    && install --directory --owner rig --group rig /app /shop
USER rig
WORKDIR /app

# Before the sources, so that a change of code does not install the packages again.
COPY --chown=rig:rig script ./script
COPY --chown=rig:rig requirements.lock ./
RUN script/setup tools python && rm -rf "$HOME/.cache"

COPY --chown=rig:rig pyproject.toml README.md LICENSE ./
COPY --chown=rig:rig rig ./rig
COPY --chown=rig:rig target_app ./target_app
COPY --chown=rig:rig locustfiles ./locustfiles
RUN script/setup rig

ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    SHOP_DATA_DIR=/shop
EXPOSE 8000
CMD ["gunicorn", "target_app.config.wsgi:application", "--worker-class", "gthread", "--workers", "2", \
     "--threads", "8", "--bind", "0.0.0.0:8000", "--no-control-socket", "--keep-alive", "75"]
