#!/usr/bin/env bash
# Builds dist/ from the root of the repository: one archive for each platform
# with the binary, its license and notices; an SBOM (CycloneDX); checksums.
#
#   deploy/release.sh VERSION LDFLAGS
set -euo pipefail
version=$1 ldflags=$2
rm -rf dist
mkdir -p dist

for platform in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64; do
  os=${platform%/*} arch=${platform#*/}
  name=spillway_${version}_${os}_${arch}
  mkdir "dist/$name"
  CGO_ENABLED=0 GOOS=$os GOARCH=$arch go build -trimpath -ldflags "$ldflags" -o "dist/$name/spillway" .
  cp LICENSE README.md CHANGELOG.md "dist/$name/"
  cp cli/notices.txt "dist/$name/NOTICES.txt"
  if [ "$platform" = linux/amd64 ]; then # the modules are the same for all
    .bin/cyclonedx-gomod bin -json -licenses -version "$version" -output "dist/spillway_${version}_sbom.cdx.json" "dist/$name/spillway"
  fi
  tar -C dist -czf "dist/$name.tar.gz" "$name"
  rm -r "dist/$name"
done

(cd dist && if command -v sha256sum >/dev/null; then sha256sum -- *; else shasum -a 256 -- *; fi > SHA256SUMS)
ls -l dist
