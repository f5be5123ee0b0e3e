# NATS as it is published, not as root: a volume mounted at /data belongs to the user that the server runs as.
FROM nats:2.14-alpine
USER root
RUN mkdir -p /data && chown 65532:65532 /data
USER 65532:65532
