#!/bin/sh
# Run in an image build, in /app: leaves there only what SERVICE needs at run time.
#   trim.sh SERVICE
set -eu
service=$1

mv /tmp/deploy/healthcheck.mjs .

# Other services and packages that nothing links to. (npm links a workspace under node_modules/@quintet only where it
# is a dependency of the one that is installed.)
for folder in services/*; do
  [ "$folder" = "services/$service" ] || rm -rf "$folder"
done
for folder in packages/*; do
  [ -e "node_modules/@quintet/$(basename "$folder")" ] || rm -rf "$folder"
done
find node_modules/@quintet -xtype l -delete

# Of the page only what is served, and the style sheets that `/docs` shares.
if [ -d packages/web ]; then
  find packages/web -mindepth 1 -maxdepth 1 ! -name dist ! -name shell ! -name package.json -exec rm -rf {} +
fi

# Sources and declarations are of no use to Node; the Lua scripts are read where they are.
find packages services -name node_modules -prune -o -path '*/src/*' -type f ! -name '*.lua' -print | xargs -r rm -f
find packages services -name node_modules -prune -o \
  \( -name 'tsconfig*.json' -o -name '*.tsbuildinfo' -o -name '*.d.ts' -o -name '*.d.ts.map' \) -print | xargs -r rm -f
find packages services -type d -empty -delete

# onnxruntime-node carries the binaries of every platform: 290 MB, of which this one needs a sixth.
if [ -d node_modules/onnxruntime-node ]; then
  keep=$(node -p 'process.platform + "/" + process.arch')
  for binaries in node_modules/onnxruntime-node/bin/napi-v*; do
    [ -d "$binaries/$keep" ] || { echo "onnxruntime-node has no binaries for $keep" >&2; exit 1; }
    (
      cd "$binaries"
      for folder in */*; do
        [ "$folder" = "$keep" ] || rm -rf "$folder"
      done
      rmdir -- * 2>/dev/null || true
    )
  done
fi

rm -rf package-lock.json .npmrc /tmp/deploy

# A clone made under a strict umask must still be readable by the user that the image runs as.
chmod -R a+rX .
