FROM node:22-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
COPY scripts/prepare.mjs scripts/vite.bundle.config.ts scripts/
RUN npm ci --no-audit --no-fund
COPY tsconfig.json ./
COPY src ./src
RUN npm run build && npm prune --omit=dev

FROM node:22-slim
# Memory of images that expired goes back to the system at once: see documentation/Performance.md.
ENV MALLOC_MMAP_THRESHOLD_=32768
ENV NODE_ENV=production LOG_DIR=""
ENV METRICS_FILE_PATH=/data/metrics/metrics.json OUTPUT_DIR=/data/outputs STATE_DIR=/data/state \
    ASSET_DIR=/data/assets WORKFLOWS_DIR=/data/workflows
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
RUN mkdir /data && chown node:node /data
VOLUME /data
USER node
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT || 3000) + '/readyz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# No shell and no npm in between: SIGTERM reaches the server, which ends by itself.
# One helper thread for garbage is enough for this heap, more only compete with each other: see the same guide.
CMD ["node", "--v8-pool-size=1", "--heap-growing-percent=100", "--expose-gc", "dist/server.bundle.js"]
