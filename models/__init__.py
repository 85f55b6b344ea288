"""Named content with sources: networks, devices, components, chips."""

CONTENT_OF = "imcsim"
