"""The tests of ImageVault. They mirror the package's folders; `support` holds what several of them share."""
