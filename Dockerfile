# docker build -t intertie .
# docker run -p 8080:8080 -v ./intertie.toml:/etc/intertie/intertie.toml:ro --env-file secrets.env intertie
#
# In the configuration, `server.listen` must be "0.0.0.0:8080": the default is reached from inside the container alone.
# There is no HEALTHCHECK, for want of a client in the image: let the orchestrator ask /livez and /readyz.

FROM rust:1.95-slim-bookworm AS build
WORKDIR /source
COPY . .
# The toolchain of the image, whatever the file for developers says.
RUN rm -f rust-toolchain.toml && cargo build --locked --profile dist --bin intertie
# What the program needs to run and nothing else: itself, its libraries, root certificates, names of hosts.
RUN set -eu; mkdir -p /image/etc/intertie /image/tmp; \
    cp target/dist/intertie /image/intertie; \
    ldd /image/intertie | grep -o '/[^ ]*' | sort -u | xargs -I{} cp -L --parents {} /image; \
    cp -L --parents /etc/ssl/certs/ca-certificates.crt /image; \
    echo 'hosts: files dns' > /image/etc/nsswitch.conf; \
    echo 'intertie:x:65532:65532::/:/intertie' > /image/etc/passwd; \
    chmod 1777 /image/tmp

FROM scratch
COPY --from=build /image /
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/intertie"]
CMD ["serve", "--config", "/etc/intertie/intertie.toml"]
