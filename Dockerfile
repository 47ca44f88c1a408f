# One image, one executable, three uses: a container function of kustomize, kubectl and kpt; what the init container of
# Argo CD's repo-server copies it from (`install --bin … --plugin-home …`); and, as `--target cmp`, a plugin sidecar that
# needs no init container. Nothing in it is written to at run time, and it opens no connection. Modes are said here, so
# that every user can read the files, whatever the umask of the checkout was.
#
#   docker build -t istiomize:0.6.0 .
#   docker build -t istiomize-cmp:0.6.0 --target cmp .
#
# The digests pin the base images; `docker buildx imagetools inspect <image>` prints them:
#   docker build --build-arg NODE_DIGEST=sha256:… --build-arg BASE_DIGEST=sha256:… -t istiomize:0.6.0 .
ARG NODE_IMAGE=node:24-bookworm-slim
ARG NODE_DIGEST=
# glibc and libstdc++, no shell, no package manager.
ARG BASE_IMAGE=gcr.io/distroless/cc-debian12:nonroot
ARG BASE_DIGEST=
# For the target cmp: the version that your cluster runs. It brings kustomize, helm and git along.
ARG ARGOCD_IMAGE=quay.io/argoproj/argocd:v3.5.7
ARG ARGOCD_DIGEST=

FROM ${NODE_IMAGE}${NODE_DIGEST:+@${NODE_DIGEST}} AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build
RUN npm run build:sea

FROM ${ARGOCD_IMAGE}${ARGOCD_DIGEST:+@${ARGOCD_DIGEST}} AS cmp
COPY --from=build --chmod=0755 /src/dist/istiomize /usr/local/bin/istiomize
COPY --from=build --chmod=0644 /src/LICENSE /src/dist/THIRD-PARTY-LICENSES /src/dist/NODE-LICENSE /src/dist/istiomize.cdx.json /usr/share/doc/istiomize/
COPY --from=build --chmod=0644 /src/gitops/argocd/cmp/plugin.yaml /home/argocd/cmp-server/config/plugin.yaml
USER 999
# Argo CD's own server, from the volume that every sidecar mounts; the repo-server's image does not hold it there.
ENTRYPOINT ["/var/run/argocd/argocd-cmp-server"]

FROM ${BASE_IMAGE}${BASE_DIGEST:+@${BASE_DIGEST}} AS istiomize
LABEL org.opencontainers.image.title="istiomize" \
      org.opencontainers.image.description="Short annotations on Deployments and Services in, a correct Istio mesh out" \
      org.opencontainers.image.version="0.6.0" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build --chmod=0755 /src/dist/istiomize /usr/local/bin/istiomize
COPY --from=build --chmod=0644 /src/LICENSE /src/dist/THIRD-PARTY-LICENSES /src/dist/NODE-LICENSE /src/dist/istiomize.cdx.json /usr/share/doc/istiomize/
# A number, so that `runAsNonRoot` can tell. Any other user will do: nothing belongs to this one.
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/istiomize"]
