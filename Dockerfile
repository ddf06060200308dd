# The image has no shell; `docker run IMAGE doctor` runs a command of docs/operating.md.
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN node scripts/build.mjs && scripts/image-root.sh /image

FROM scratch
LABEL org.opencontainers.image.title="Signpost" \
      org.opencontainers.image.description="Uploads that go straight to S3: signs, verifies, remembers." \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /image /
ENV NODE_ENV=production
WORKDIR /app
# nobody, by number: Kubernetes' runAsNonRoot does not look names up. Nothing is written: the root may be read-only.
USER 65534:65534
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
  CMD ["/usr/local/bin/node", "--eval", "fetch('http://127.0.0.1:' + (process.env.PORT || 3000) + '/healthz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["/usr/local/bin/node", "dist/signpost.js"]
CMD ["start"]
