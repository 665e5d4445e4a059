# tailrace in one image; what it does is said by its arguments (docker-compose.yml shows them).
FROM node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts scripts
COPY src src
COPY cli cli
COPY web web
RUN node scripts/build.mjs && npm prune --omit=dev --ignore-scripts

FROM node:24-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
COPY package.json README.md ARCHITECTURE.md CHANGELOG.md CONTRIBUTING.md SECURITY.md LICENSE ./
COPY docs docs
COPY examples examples
RUN mkdir /data && chown node:node /data && ln -s /app/dist/cli/main.js /usr/local/bin/tailrace && chmod 755 dist/cli/main.js
USER node
VOLUME /data
EXPOSE 8601 6001
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8601/readyz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["tailrace"]
CMD ["serve", "--http", "0.0.0.0:8601", "--syslog", "0.0.0.0:6001", "--data", "/data"]
