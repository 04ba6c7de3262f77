# The worker on NVIDIA GPUs: deploy/Dockerfile's worker with ONNX Runtime's CUDA libraries on NVIDIA's own base image.
# Used by docker-compose.gpu.yml. x86-64 only: ONNX Runtime publishes no CUDA build for Node on ARM.
#
# ONNX Runtime 1.30 for Node comes for CUDA 12 and cuDNN 9. A library built for one 12.x runs on any other 12.x, so the
# base may be raised within CUDA 12; its tag must say "cudnn" (version 9) and "runtime" (cuBLAS, cuFFT, cuRAND).
# https://onnxruntime.ai/docs/execution-providers/CUDA-ExecutionProvider.html#requirements

FROM node:24-bookworm-slim AS toolchain
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages/shared/package.json packages/shared/
COPY packages/images/package.json packages/images/
COPY packages/models/package.json packages/models/
COPY packages/outbound/package.json packages/outbound/
COPY packages/web/package.json packages/web/
COPY packages/client/package.json packages/client/
COPY services/api/package.json services/api/
COPY services/worker/package.json services/worker/
COPY services/webhooks/package.json services/webhooks/
RUN npm ci

FROM toolchain AS build
COPY tsconfig.base.json tsconfig.json ./
COPY packages packages
COPY services services
RUN npx tsc --build && find packages services -name node_modules -prune -exec rm -rf {} +

FROM toolchain AS worker-tree
RUN npm ci --prefer-offline --omit=dev --workspace services/worker
# The one install script that this project runs, by name (.npmrc switches off all others): it downloads the CUDA
# provider, too large for npm, from nuget.org. TensorRT's comes along and is of no use without TensorRT.
RUN ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install.js \
 && rm -f node_modules/onnxruntime-node/bin/napi-v*/linux/x64/libonnxruntime_providers_tensorrt.so \
 && ls node_modules/onnxruntime-node/bin/napi-v*/linux/x64/libonnxruntime_providers_cuda.so
COPY --from=build /app/packages/shared packages/shared
COPY --from=build /app/packages/images packages/images
COPY --from=build /app/packages/models packages/models
COPY --from=build /app/packages/outbound packages/outbound
COPY --from=build /app/services/worker services/worker
# The bundled weights are the work of others: their notice goes with them.
COPY LICENSE NOTICE ./
COPY deploy/trim.sh deploy/healthcheck.mjs /tmp/deploy/
RUN sh /tmp/deploy/trim.sh worker

FROM node:24-bookworm-slim AS init
RUN apt-get update && apt-get install -y --no-install-recommends tini && rm -rf /var/lib/apt/lists/*

FROM nvidia/cuda:12.9.1-cudnn-runtime-ubuntu24.04 AS worker
ARG VERSION=unreleased
LABEL org.opencontainers.image.title="quintet-worker-gpu" \
      org.opencontainers.image.description="Quintet's worker: decodes pictures and runs the model on an NVIDIA GPU" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION"
ENV NODE_ENV=production MALLOC_ARENA_MAX=2 DATA_DIR=/data UV_THREADPOOL_SIZE=8 ORT_DISABLE_TELEMETRY=1
WORKDIR /app
COPY --from=node:24-bookworm-slim /usr/local/bin/node /usr/local/bin/node
# An init, as in deploy/Dockerfile.
COPY --from=init /usr/bin/tini-static /usr/bin/tini
ENTRYPOINT ["tini", "-s", "--"]
COPY --from=worker-tree /app /app
# The same user id as in Node's image, so that both workers can share a volume; Ubuntu gives 1000 to a user of its own.
RUN (userdel -r ubuntu 2>/dev/null || true) \
 && groupadd --gid 1000 node && useradd --uid 1000 --gid node --create-home node \
 && install -d -o node -g node /data /data/models
USER node
VOLUME /data
STOPSIGNAL SIGTERM
EXPOSE 9464
HEALTHCHECK --interval=10s --timeout=5s --start-period=10m --retries=3 CMD ["node", "/app/healthcheck.mjs", "METRICS_PORT", "9464"]
CMD ["node", "services/worker/dist/main.js"]
