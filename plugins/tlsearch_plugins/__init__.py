"""The built-in plugins: a package like any third party's."""
